# Sourced by other tools: the version numbers of this release, and a function that fills templates.

# Prints the group of the first match of a pattern in a file.
match_in() {
    [[ $(<"$1") =~ $2 ]] || { echo "$0: no match for $2 in $1" >&2; exit 1; }
    echo "${BASH_REMATCH[1]}"
}

version=$(match_in Cargo.toml 'version = "([0-9]+\.[0-9]+\.[0-9]+)"')
abi=$(match_in include/bitsup.h 'BITSUP_ABI_VERSION ([0-9]+)')
major=${version%%.*}
minor=${version#*.} minor=${minor%.*}

# Prints a template with every @name@ replaced by the value of the shell variable `name`.
fill_template() {
    local text
    text=$(<"$1")
    while [[ $text =~ @([a-z_]+)@ ]]; do
        text=${text//"${BASH_REMATCH[0]}"/"${!BASH_REMATCH[1]}"}
    done
    printf '%s\n' "$text"
}
