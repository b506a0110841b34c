#!/bin/sh
# Behaves as `roamhub serve` does towards whoever starts it: announces its addresses, then waits for a signal.
echo "arguments: $*"
echo "a warning" >&2
[ -z "${PRETEND_REFUSE:-}" ] || { echo "the data is in use" >&2; exit 3; }
trap 'echo "draining"; exit 0' TERM
trap 'echo "reading partners"' HUP
echo "listening oicp http://${PRETEND_OICP:-127.0.0.1:1}"
echo "listening console http://${PRETEND_CONSOLE:-127.0.0.1:2}"
echo "ready"
[ -z "${PRETEND_END:-}" ] || exit 4
while :; do
    sleep 1 >/dev/null 2>&1 &
    wait "$!"
done
