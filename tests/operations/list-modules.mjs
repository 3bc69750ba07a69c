/** Preloaded into a child process: appends the address of every module that it loads to the file in `MODULE_LIST`. */
import { register } from "node:module";

const hooks = `
  import { appendFileSync } from "node:fs";
  export async function load(url, context, next) {
    appendFileSync(${JSON.stringify(process.env.MODULE_LIST)}, url + "\\n");
    return await next(url, context);
  }
`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);
