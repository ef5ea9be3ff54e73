#!/bin/sh
# On a switch, as root: does a feature move to Kubernetes and home again, and is it served in both? Exit code 0: it does.
# Otherwise the code is that of the command that failed, which has said why; the feature is brought home in any case.
#   smoke.sh FEATURE [SECONDS]
set -eu

feature=${1:?usage: smoke.sh FEATURE [SECONDS]}
seconds=${2:-120}

home() {
    code=$?
    trap - EXIT
    config feature mode "$feature" legacy --timeout "$seconds" || [ "$code" -ne 0 ] || code=1
    exit "$code"
}

system service check "$feature"
trap home EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

config feature mode "$feature" kubernetes --timeout "$seconds"
system service wait "$feature" --for kubernetes --timeout 10
system service check "$feature"

config feature mode "$feature" legacy --timeout "$seconds"
system service wait "$feature" --for legacy --timeout 10
system service check "$feature" --processes
echo "$feature: moved to kubernetes and home again"
