#!/bin/sh
# A room for one engine: network, processes, mounts and control groups of its own. When its first process ends the
# kernel ends all others in it and drops their mounts, so that nothing of a sandbox can survive its sandbox.
#   room.sh make BASE            run the room until killed; BASE/room.ready appears when it can be entered
#   room.sh enter BASE PID CMD   run CMD in the room whose first process is PID
set -eu

verb=$1 base=$2
name=$(basename "$base")

# Mounted control group hierarchies, one "TYPE FOLDER OPTIONS" a line (v1 has many, v2 one).
hierarchies() { awk '$3 == "cgroup" || $3 == "cgroup2" { print $3, $2, $4 }' /proc/mounts; }

join_groups() {
    hierarchies | while read -r type dir _; do
        group=$dir/$name
        mkdir -p "$group"
        # A new cpuset accepts no process before it has processors and memory.
        for knob in cpuset.cpus cpuset.mems; do
            if [ "$type" = cgroup ] && [ -e "$group/$knob" ] && [ -z "$(cat "$group/$knob")" ]; then
                cat "$dir/$knob" > "$group/$knob"
            fi
        done
        # Version 2 wants processes in leaves only: once the room has its leaf, that is where they go.
        [ ! -d "$group/room" ] || group=$group/room
        echo $$ > "$group/cgroup.procs"
    done
}

mount_groups() {
    list=$(hierarchies)
    case $list in
        cgroup2\ /sys/fs/cgroup\ *) mount -t cgroup2 cgroup2 /sys/fs/cgroup; leaf_only; return ;;
    esac
    mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup
    echo "$list" | while read -r type dir options; do
        mkdir -p "$dir"
        if [ "$type" = cgroup2 ]; then
            mount -t cgroup2 cgroup2 "$dir"
        else
            controllers=$(echo "$options" | tr , '\n' | grep -Ev '^(rw|ro|nosuid|nodev|noexec|relatime|xattr|clone_children|release_agent=.*)$' | paste -sd,)
            mount -t cgroup -o "$controllers" cgroup "$dir"
        fi
    done
}

leaf_only() {
    mkdir /sys/fs/cgroup/room
    for process in $(cat /sys/fs/cgroup/cgroup.procs); do
        echo "$process" > /sys/fs/cgroup/room/cgroup.procs
    done
    for controller in $(cat /sys/fs/cgroup/cgroup.controllers); do
        echo "+$controller" > /sys/fs/cgroup/cgroup.subtree_control
    done
}

case $verb in
    make)
        join_groups
        exec unshare --net --mount --pid --cgroup --uts --fork --kill-child --mount-proc --propagation slave \
            "$0" inside "$base"
        ;;
    enter)
        pid=$3
        shift 3
        join_groups
        exec nsenter --target "$pid" --net --mount --pid --cgroup --uts -- "$@"
        ;;
    inside)
        ip link set lo up
        mount_groups
        # Folders in which the engine and the kubelet leave files: here they are lost with the room.
        for dir in /run /etc/docker /opt /var/lib /var/log; do
            mount -t tmpfs tmpfs "$dir"
        done
        # The paths that the switch's scripts name in their `docker create`.
        mkdir -p /run/redis "$base/redis"
        mount --bind "$base/redis" /run/redis
        : > "$base/room.ready"
        # The shell collects orphans while it waits.
        while :; do sleep 3600; done
        ;;
esac
