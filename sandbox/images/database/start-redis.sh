#!/bin/sh
# The folder hands its group to the socket, so that members of redis may use it.
set -eu
chown root:redis /run/redis
chmod 2775 /run/redis
mkdir -p /run/redis/sonic-db
cp /etc/sonic-db/database_config.json /run/redis/sonic-db/
exec /usr/bin/redis-server /etc/redis/switch.conf
