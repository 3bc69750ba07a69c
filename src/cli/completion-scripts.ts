/** The scripts that make a shell ask us for completions: each calls `models __complete` at every Tab. */

/** Shells that are known. */
export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

const BASH = String.raw`# bash completion for models; load it with: source <(models completion bash)
_models_completion() {
  local word glue=0 full="" prefix="" also="" line
  local -a words=()
  local tab=$'\t'
  # bash splits words at = and : as well; what it split is put together again.
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD}"; do
    if [[ \${#words[@]} -gt 0 && ( $glue -eq 1 || "$word" == [=:]* ) ]]; then
      words[\${#words[@]}-1]+="$word"
    else
      words+=("$word")
    fi
    if [[ "$word" == [=:]* ]]; then glue=1; else glue=0; fi
  done
  full="\${words[\${#words[@]}-1]}"
  # Only what follows the last split is replaced by bash, so only that may be in the reply.
  if [[ "$COMP_WORDBREAKS" == *=* && "$full" == *=* ]]; then prefix="\${full%"\${full##*=}"}"; fi
  if [[ "$COMP_WORDBREAKS" == *:* && "$full" == *:* ]]; then prefix="\${full%"\${full##*:}"}"; fi
  COMPREPLY=()
  while IFS= read -r line; do
    if [[ "$line" == :* ]]; then also="\${line#:}"; continue; fi
    line="\${line%%\${tab}*}"
    COMPREPLY+=("\${line#"$prefix"}")
  done < <("$1" __complete -- "\${words[@]}" 2>/dev/null)
  if [[ "$also" == folder ]]; then
    compopt -o filenames 2>/dev/null
    while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -d -- "\${full#"$prefix"}")
  elif [[ "$also" == file ]]; then
    compopt -o filenames 2>/dev/null
    while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "\${full#"$prefix"}")
  fi
}
complete -F _models_completion models
`;

const ZSH = String.raw`#compdef models
# zsh completion for models; load it with: source <(models completion zsh)
_models() {
  local -a lines candidates
  local line also tab=$'\t'
  lines=("\${(@f)$("\${words[1]}" __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  for line in "\${lines[@]}"; do
    if [[ "$line" == :* ]]; then
      also="\${line#:}"
    elif [[ -n "$line" ]]; then
      candidates+=("\${\${line%%\${tab}*}//:/\\:}:\${line#*\${tab}}")
    fi
  done
  case "$also" in
    file) _files ;;
    folder) _files -/ ;;
  esac
  if (( \${#candidates} )); then _describe -t models models candidates; fi
}
if [[ "\${funcstack[1]}" == "_models" ]]; then _models "$@"; else compdef _models models; fi
`;

const FISH = String.raw`# fish completion for models; load it with: models completion fish | source
function __models_complete
    set -l words (commandline -opc)
    set -l token (commandline -ct)
    set -l program $words[1]
    set -e words[1]
    for line in ($program __complete -- $words "$token" 2>/dev/null)
        switch $line
            case ':file'
                __fish_complete_path "$token"
            case ':folder'
                __fish_complete_directories "$token" ''
            case ':*'
            case '*'
                printf '%s\n' $line
        end
    end
end
complete -c models -f -a '(__models_complete)'
`;

/** The script for `shell`, to be sourced or saved. */
export function completionScript(shell: Shell): string {
  return { bash: BASH, zsh: ZSH, fish: FISH }[shell].replaceAll("\\${", "${");
}
