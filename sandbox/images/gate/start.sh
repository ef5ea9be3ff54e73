#!/bin/sh
# The first program of a feature container: the gate, then the processes, whatever the gate's exit code was.
# As in real images the version is not quoted: without one the gate has a usage error, and the processes go ungated.
/usr/bin/container_startup.py -f "$FEATURE" -o "${RUNTIME_OWNER:-kube}" -v $IMAGE_VERSION
sed -n 's/^\(program\|group\)://p' /etc/supervisor/critical_processes | while read -r name; do
    supervisorctl -s unix:///run/supervisor.sock start "$name"
done
