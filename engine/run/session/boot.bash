# What a session begins with. It keeps no descriptor of the engine's: it opens them by path when it needs
# them. `__rb_commands`, `__rb_script`, `__rb_control`, `__rb_snapshots`, `__rb_wake` and `__rb_headers` are set
# before this. Nothing here forks but the snapshot, and `builtin` keeps functions of the document out.
#
# Every line costs time before the first step: what few steps need is in `more.bash`.
__rb_q=0 __rb_u='' __rb_r='' __rb_x='' __rb_open='' __rb_l=-u __rb_count=0 __rb_g=("-$$") __rb_m=() __rb_more=${__rb[1]}

# The engine is gone: nothing of this session may outlive it.
__rb_die() {
  builtin kill -s KILL -- "${__rb_g[@]}"
  builtin exit 137
}

# Gives the next statement the `$?` and `$_` of the one before.
__rb_set() { builtin return "$1"; }

# What a document has traced is no longer, until its next statement.
__rb_hush() {
  case $- in
    *x*) builtin set +x; __rb_x='builtin set -x; ' ;;
    *) __rb_x='' ;;
  esac
}

# A statement is over: its number, its status, and whether its program (`$2`) is missing.
__rb_done() {
  __rb_q=${__rb_r:-$?} __rb_r=''
  __rb_hush
  case $__rb_q in
    126 | 127)
      if [[ $2 ]] && ! builtin type -t -- "$2" >/dev/null; then
        builtin echo "s $1 $__rb_q missing"
        builtin return 0
      fi ;;
  esac
  builtin echo "s $1 $__rb_q"
}

# A step begins, with these three streams.
__rb_begin() {
  __rb_open=1
  __rb_hush
  exec <"$1" >"$2" 2>"$3"
}

# What the shell has of its own, as a message that begins with the line `$1`: jobs, traps, functions and aliases. Each
# line is a write, so the functions of this file are left out.
__rb_say() {
  { builtin echo "$1"; builtin jobs -p; builtin trap -p; builtin compgen -P 'declare -f ' -A function -X '__rb_*' || :; builtin declare -f curl || :; builtin alias -p || :; builtin printf '\0'; } >"$__rb_control"
}

# A step is over. `$1` is the file for what the shell is like now, if that is to be kept.
__rb_end() {
  exec </dev/null >/dev/null 2>&1
  __rb_open=''
  if builtin shopt -q lastpipe; then __rb_l=-s; else __rb_l=-u; fi
  if [[ $1 ]]; then builtin eval "$__rb_more"; __rb_dump "$1"; fi
  __rb_say D
}

# It waits for a word: `c`, and it leaves a copy of itself waiting, or another, and it evaluates a program. A `break`
# or `continue` of a step that is in no loop of its own ends this shell. The loop is one line, as is every program:
# nothing but a step has line numbers.
__rb_loop='while [[ ! $__rb_open ]] || builtin exit 1; __rb_m=(); builtin mapfile -t -n 1 __rb_m <"$__rb_commands"; [[ ${__rb_m-} ]] || __rb_die; [[ $__rb_m != c ]] || { builtin eval "$__rb_more"; builtin eval "$__rb_copy"; __rb_m=c; }; builtin :; do if [[ $__rb_m != c ]]; then builtin mapfile -d "" -t __rb <"$__rb_script"; builtin eval "${__rb[0]}"; fi; done; builtin exit 1'

__rb_say R
