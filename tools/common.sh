# Sourced by tools/install and tools/package: the numbers of this release, and templates filled with them.

# The first match of a pattern with one group in a file.
found_in() {
    [[ $(<"$1") =~ $2 ]] || { echo "$0: nothing in $1 looks like $2" >&2; exit 1; }
    echo "${BASH_REMATCH[1]}"
}

version=$(found_in Cargo.toml 'version = "([0-9]+\.[0-9]+\.[0-9]+)"')
abi=$(found_in include/bitsup.h 'BITSUP_ABI_VERSION ([0-9]+)')
major=${version%%.*}
minor=${version#*.} minor=${minor%.*}

# Prints a template in which every @name@ is replaced by the value of the shell variable `name`.
filled() {
    local text
    text=$(<"$1")
    while [[ $text =~ @([a-z_]+)@ ]]; do
        text=${text//"${BASH_REMATCH[0]}"/"${!BASH_REMATCH[1]}"}
    done
    printf '%s\n' "$text"
}
