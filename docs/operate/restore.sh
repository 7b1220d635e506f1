#!/bin/sh
# Restores a backup of the journal on another machine, and joins it with what Kafka knows of it.
#
#   receiver journal backup /backups/today                 # before: on the old machine, also while the service runs
#   docs/operate/restore.sh /backups/today /var/lib/receiver/journal /etc/receiver/receiver.toml
#
# The arguments: the backup's folder, the folder that `journal.url` names (there must be no journal in it), and the
# configuration. Environment:
#
#   START="systemctl start receiver"   starts the service; it must return. Without it you are told when to start it.
#   YES=1                              do not ask before joining
#   WAIT_S=120                         how long to wait for the service, at each step, s
#   RECEIVER=receiver                  the command
#
# The old service must be over for good before: two that publish for one journal take Kafka from each other. A sealed
# journal needs its keys, which are not in the backup. What callbacks came after the backup is not in the restored
# journal; what was published of them is on Kafka, and is taken over from there, and a provider that repeats them gets
# 200. Callbacks are taken from the moment that the service runs; nothing is published until the two are joined.
set -eu

RECEIVER=${RECEIVER:-receiver}
WAIT_S=${WAIT_S:-120}

say() { echo "restore: $*" >&2; }

fail() {
  say "$*"
  exit 1
}

wait_for() { # what to say, and the command that has to succeed
  what=$1
  shift
  left=$WAIT_S
  until "$@" >/dev/null 2>&1; do
    [ "$left" -gt 0 ] || fail "$what: not within $WAIT_S s. It says: $("$@" 2>&1 || true)"
    left=$((left - 1))
    sleep 1
  done
  say "$what"
}

[ $# -eq 3 ] || fail "usage: restore.sh BACKUP JOURNAL CONFIG"
backup=$1 journal=$2 config=$3
[ -f "$config" ] || fail "there is no configuration $config"
for store in inbox outbox requests; do
  [ -f "$backup/$store.db" ] || fail "$backup is no whole backup: it lacks $store.db"
done
if [ -d "$journal" ] && [ -n "$(find "$journal" -name '*.db' -print | head -n 1)" ]; then
  fail "there is a journal in $journal: nothing was touched. Move it away if the backup is to take its place"
fi

# Beside its place first, so that a copy that was broken off is not taken for a journal; inside the folder, which may be
# a volume of its own. Run this as the service's user: the files are to be its own.
part=$journal/.restoring
mkdir -p "$journal"
rm -rf "$part"
cp -R "$backup" "$part"
chmod -R go= "$part"
sync
mv "$part"/* "$journal"
rm -rf "$part"
say "the backup is in $journal"

if [ -n "${START:-}" ]; then
  sh -c "$START"
else
  say "start the service now"
fi
wait_for "the service runs and takes callbacks" "$RECEIVER" health --live --config "$config"
if [ -n "${YES:-}" ]; then
  "$RECEIVER" journal rejoin --yes --config "$config"
else
  "$RECEIVER" journal rejoin --config "$config"
fi
wait_for "the service is ready" "$RECEIVER" health --ready --config "$config"
# Fits only once the relay has gone on, which looks again by itself every few seconds.
wait_for "the journal is sound and fits Kafka's memory of it" "$RECEIVER" journal check --config "$config"
say "done"
