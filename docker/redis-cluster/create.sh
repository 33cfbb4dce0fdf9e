#!/bin/sh
# Makes a cluster of `node-1:7001` to `node-6:7006` unless they are one, then stays, so that its health is that of the cluster.
set -eu

# Nodes are introduced to each other by address: redis-cli does not look names up for them.
addresses=''
for number in 1 2 3 4 5 6; do
  address=$(getent hosts "node-$number" | awk '{ print $1; exit }')
  addresses="$addresses $address:700$number"
done

if ! redis-cli -h node-1 -p 7001 cluster info | grep -q cluster_state:ok; then
  # shellcheck disable=SC2086 # six words
  redis-cli --cluster create $addresses --cluster-replicas 1 --cluster-yes
fi
exec tail -f /dev/null
