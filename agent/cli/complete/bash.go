package complete

// BashAlone stands behind cobra's script for bash. That asks a function of the package bash-completion for the words that are typed, and
// on a machine without it every press of the key would print an error in the middle of them.
const BashAlone = `
__sallyport_init_completion()
{
    COMPREPLY=()
    if declare -F _get_comp_words_by_ref >/dev/null 2>&1; then
        _get_comp_words_by_ref "$@" cur prev words cword
        return
    fi
    words=("${COMP_WORDS[@]}")
    cword=$COMP_CWORD
    cur=${words[cword]}
    prev=${words[cword-1]}
}
`
