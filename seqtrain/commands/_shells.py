"""What shells evaluate so that TAB asks seqtrain."""

INSTALL = {
    # Readline replaces what follows the last of its word breaks, which `=` usually is.
    "bash": r"""
_seqtrain_completion() {
    local line=${COMP_LINE:0:COMP_POINT} breaks=${COMP_WORDBREAKS//[^=:,]} kept= choice
    local word=${line##*[[:space:]]}
    [[ -n $breaks ]] && kept=${word%"${word##*[$breaks]}"}
    COMPREPLY=()
    while IFS= read -r choice; do
        [[ $choice == *[=./] || $choice == *=\[*[!]] ]] || choice+=' '
        COMPREPLY+=("${choice#"$kept"}")
    done < <(COMP_LINE=$line "${COMP_WORDS[0]}" -sc query=bash 2>/dev/null)
}
complete -o nospace -o default -F _seqtrain_completion seqtrain""",
    "zsh": r"""
_seqtrain_completion() {
    local -a choices
    local more='*([=./]|=\[*[^]])'
    choices=(${(f)"$(COMP_LINE="${(j: :)words[1,CURRENT-1]} $PREFIX" $words[1] -sc query=zsh 2>/dev/null)"})
    compadd -Q -S '' -- ${(M)choices:#${~more}}
    compadd -Q -- ${choices:#${~more}}
}
compdef _seqtrain_completion seqtrain""",
    "fish": r"""
function _seqtrain_completion
    set -lx COMP_LINE (commandline -cp)
    set -l words (commandline -opc)
    $words[1] -sc query=fish 2>/dev/null
end
complete -c seqtrain -f -a '(_seqtrain_completion)'""",
}
"""What makes a shell ask ``-sc query=SHELL`` at TAB; it puts a space after what nothing has to follow."""

UNINSTALL = {
    "bash": "complete -r seqtrain; unset -f _seqtrain_completion",
    "zsh": "compdef -d seqtrain; unfunction _seqtrain_completion",
    "fish": "complete -e -c seqtrain; functions -e _seqtrain_completion",
}
"""What undoes it."""
