/** How a text is written as a value of YAML, with quotes only where it would be read as something else. Pure. */

// Words without quotes that YAML reads as text, whatever stands around them.
const PLAIN = /^[A-Za-z_](?:[A-Za-z0-9_./@+?=&%~,()-]|:(?=\/))*$/;
const HEX = /^[0-9a-f]*[a-df][0-9a-f]*$/;
const WORD = /^(?:null|true|false|yes|no|on|off|y|n)$/i;

/** `text` as it is, or in double quotes. */
export function quote(text: string): string {
  return (PLAIN.test(text) && !WORD.test(text)) || HEX.test(text) ? text : JSON.stringify(text);
}
