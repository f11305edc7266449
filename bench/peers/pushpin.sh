#!/bin/bash
# Pushpin and the application behind it as one command:
#   pushpin.sh PUSHPIN CONFIG NODE ORIGIN SETTINGS
# Ends with status 0 when it is told to stop and both are gone, and with 1 when either ends by
# itself. A shell, because its memory counts as Pushpin's.

"$3" "$4" "$5" &
application=$!
"$1" --merge-output --config="$2" &
pushpin=$!

status=1
trap 'status=0' TERM
wait -n
kill -TERM "$application" "$pushpin" 2>/dev/null
wait
exit "$status"
