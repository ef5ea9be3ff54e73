#!/bin/sh
# PID 1 of a feature container, as in real images: a shell that first renders supervisord's configuration and only then
# becomes supervisord. It takes seconds, runs nothing of the feature meanwhile, and heeds no SIGTERM: `docker stop` within
# them takes its whole grace. Here the rendering is a sleep.
sleep "${SANDBOX_START_SECONDS:-0}"
exec "$@"
