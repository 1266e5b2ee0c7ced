"""The scripts by which bash, zsh and fish ask ``si completion --answer``: the words up to the cursor, a line each.

A line of the answer is a word and its meaning with a tab between; :data:`~si_core.cli.completing.answer.FILES` stands
for files. A word that ends with ``=`` or ``.`` goes on, so no space follows it.
"""

from __future__ import annotations

from si_core.cli.completing.answer import FILES

__all__ = ["INSTALL", "SCRIPTS"]

_BASH = """\
# Completion of si for bash.
_si() {
  local line="${COMP_LINE:0:COMP_POINT}" word typed
  local -a words
  read -ra words <<< "$line"
  [[ "$line" == *[[:space:]] ]] && words+=("")
  typed="${words[-1]}"
  # bash itself replaces only what follows the last = of a word.
  local kept=""
  [[ "$typed" == *=* && "$COMP_WORDBREAKS" == *=* ]] && kept="${typed%"${typed##*=}"}"
  COMPREPLY=()
  while IFS=$'\\t' read -r word _; do
    if [[ "$word" == "FILES" ]]; then
      compopt -o filenames
      while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -f -- "$typed")
    else
      [[ "$word" == *[=.] ]] && compopt -o nospace
      COMPREPLY+=("${word#"$kept"}")
    fi
  done < <(printf '%s\\n' "${words[@]:1}" | "${words[0]}" completion --answer 2>/dev/null)
}
complete -F _si si
"""

_ZSH = """\
#compdef si
# Completion of si for zsh.
_si() {
  local line word
  local -a whole open shown shown_open
  while IFS= read -r line; do
    word="${line%%$'\\t'*}"
    if [[ "$word" == "FILES" ]]; then
      _files
    elif [[ "$word" == *[=.] ]]; then
      open+=("$word"); shown_open+=("${line/$'\\t'/  }")
    else
      whole+=("$word"); shown+=("${line/$'\\t'/  }")
    fi
  done < <(print -rl -- "${(@Q)words[2,CURRENT]}" | "${words[1]}" completion --answer 2>/dev/null)
  (( $#whole )) && compadd -Q -l -d shown -a whole
  (( $#open )) && compadd -Q -l -S '' -d shown_open -a open
  return 0
}
if [[ "${funcstack[1]}" == "_si" ]]; then _si "$@"; else compdef _si si; fi
"""

_FISH = """\
# Completion of si for fish.
function __si_complete
  set -l words (commandline -opc) (commandline -ct)
  for line in (printf '%s\\n' $words[2..-1] | $words[1] completion --answer 2>/dev/null)
    if string match -q 'FILES*' -- $line
      __fish_complete_path (commandline -ct)
    else
      echo $line
    end
  end
end
complete -c si -f -a '(__si_complete)'
"""

SCRIPTS = {name: text.replace("FILES", FILES) for name, text in (("bash", _BASH), ("zsh", _ZSH), ("fish", _FISH))}
"""The script for each shell."""

INSTALL = """\
Put one line into the file that your shell reads when it starts:

  ~/.bashrc                   eval "$(si completion bash)"
  ~/.zshrc, after compinit    eval "$(si completion zsh)"
  ~/.config/fish/config.fish  si completion fish | source
"""
"""How each is installed."""
