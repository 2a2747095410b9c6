# What a session may need later; it is evaluated once, when something of it is needed.
__rb_more=''

# Waits in a copy of the shell until it is needed, and becomes the shell.
__rb_hold() {
  builtin echo "$__rb_count $BASHPID" >"$__rb_snapshots"
  __rb_m=()
  builtin mapfile -t -n 1 __rb_m <"$__rb_wake"
  [[ ${__rb_m-} ]] || __rb_die
  __rb_g+=("-$BASHPID")
}

# The copy is made two forks away, so that it is no job of this shell; and not as an asynchronous command, whose
# children would ignore Ctrl-C.
__rb_copy='__rb_count=$((__rb_count + 1)); ( builtin shopt -s lastpipe; { __rb_hold; builtin shopt $__rb_l lastpipe; builtin eval "$__rb_loop"; } >/dev/null | builtin exit 0 )'

# What a new shell must be told to be like this one, in parts ended by NUL, into the file `$1`. `|| :` since a
# document may have set errexit.
__rb_dump() {
  builtin compgen -A function >"$1" || :
  builtin mapfile -t __rb_m <"$1" || :
  {
    builtin printf '%s\0' "$PWD"
    builtin umask && builtin printf '\0'
    builtin printf 'set %s\nshopt %s\n\0' "$SHELLOPTS" "$BASHOPTS"
    builtin declare -p; builtin printf '\0'
    builtin alias -p || :; builtin printf '\0'
    builtin jobs || :; builtin printf '\0'
    for __rb_n in /proc/"$BASHPID"/fd/*; do
      __rb_n=${__rb_n##*/}
      case $__rb_n in [3-9] | [1-9][0-9] | 1[0-9][0-9]) builtin echo "$__rb_n" ;; esac
    done
    builtin printf '\0'
    builtin declare -Fx; builtin printf '\0'
    for __rb_n in "${__rb_m[@]}"; do
      case $__rb_n in __rb_*) ;; *) builtin declare -f -- "$__rb_n" && builtin printf '\0' ;; esac
    done
    builtin printf end
  } >"$1"
}
