# Makes a `curl` that is typed in a step fail on HTTP errors, and tells the engine the response codes: the
# response headers go to it, too. Not exported: scripts that a step calls get the real one.
if ! builtin declare -F curl >/dev/null && builtin type -P curl >/dev/null; then
  # The progress meter, which curl shows only because its output is no terminal here, would bury the answer.
  if builtin command curl --fail-with-body --no-progress-meter --version >/dev/null; then
    __rb_f=--fail-with-body __rb_quiet=--no-progress-meter
  else
    __rb_f=--fail __rb_quiet=
  fi
  curl() {
    local __rb_a __rb_v='' __rb_s __rb_e=("$__rb_f") __rb_d=() __rb_n=()
    [[ ! -w $__rb_headers ]] || __rb_d=(--dump-header "$__rb_headers")
    # What the call says itself is heeded: `-f`, printing the code, a place of its own for the headers.
    for __rb_a; do
      case $__rb_v in
        w) case $__rb_a in *http_code* | *response_code*) __rb_e=() ;; esac ;;
      esac
      if [[ $__rb_v ]]; then __rb_v=''; builtin continue; fi
      case $__rb_a in
        --fail | --no-fail | --fail-with-body) __rb_e=() ;;
        --dump-header) __rb_d=() __rb_v=x ;;
        --write-out) __rb_v=w ;;
        --data | --data-* | --header | --user | --url | --output | --request) __rb_v=x ;;
        --*) ;;
        -?*)
          __rb_s=${__rb_a#-}
          while [[ $__rb_s ]]; do
            case $__rb_s in
              f*) __rb_e=() ;;
              w) __rb_v=w ;;
              w*) case $__rb_s in *http_code* | *response_code*) __rb_e=() ;; esac; builtin break ;;
              D) __rb_d=() __rb_v=x ;;
              D*) __rb_d=(); builtin break ;;
              [AbcCdeEFHKmoPQrtTuUxXyYz]) __rb_v=x ;;
              [AbcCdeEFHKmoPQrtTuUxXyYz]*) builtin break ;;
            esac
            __rb_s=${__rb_s:1}
          done ;;
      esac
    done
    # `-q` counts as the first argument only; options end at `--next`.
    case ${1-} in
      -q | --disable) __rb_n=("$1"); builtin shift ;;
    esac
    __rb_n+=(${__rb_quiet:+"$__rb_quiet"} ${__rb_e[@]+"${__rb_e[@]}"} ${__rb_d[@]+"${__rb_d[@]}"})
    for __rb_a; do
      __rb_n+=("$__rb_a")
      case $__rb_a in
        -: | --next) __rb_n+=(${__rb_e[@]+"${__rb_e[@]}"} ${__rb_d[@]+"${__rb_d[@]}"}) ;;
      esac
    done
    # Not `builtin command`, which would forget that a failure is heeded (`curl … || …`).
    command curl ${__rb_n[@]+"${__rb_n[@]}"}
  }
fi
