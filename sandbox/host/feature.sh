#!/bin/sh
# @NAME@.sh start|wait|stop|kill: what the unit @NAME@.service runs. One template for all features: the sandbox writes
# the name and the image where at-signs stand, as a switch's image is built with one such script per feature.
set -u

NAME=@NAME@
IMAGE=@IMAGE@

exists() { docker container inspect "$NAME" > /dev/null 2>&1; }

create() {
    docker create --name "$NAME" --net host --hostname "$NAME" --env RUNTIME_OWNER=local @OPTIONS@ \
        --volume /run/redis:/run/redis "$IMAGE" > /dev/null
}

start() {
    exists || create || exit 1
    container start "$NAME" || exit $?
    if [ -x "/usr/local/bin/$NAME-started" ]; then
        "/usr/local/bin/$NAME-started" || exit $?
    fi
}

case ${1-} in
    start) start ;;
    wait) exec container wait "$NAME" ;;
    stop)
        [ -n "$(docker ps --quiet --filter "name=$NAME")" ] || exit 0
        if [ "$NAME" = teamd ]; then
            # teamd tells its neighbours that the links go away.
            exec container stop -t 60 "$NAME"
        fi
        exec container stop "$NAME"
        ;;
    kill) exec container kill "$NAME" ;;
    *) echo "usage: $0 start|wait|stop|kill" >&2; exit 1 ;;
esac
