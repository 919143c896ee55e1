#!/usr/bin/env bash
# A step of action.yml: runs the check and writes the reports. Its exit status is an output, so that the SARIF
# file can be uploaded before the job fails. PROGRAM is the program; ARGUMENTS has one argument per line;
# REPORTS is the directory for the reports.
set -euo pipefail

arguments=()
while IFS= read -r line; do
    line=${line%$'\r'}
    [ -z "$line" ] || arguments+=("$line")
done <<< "${ARGUMENTS:-}"

mkdir -p "$REPORTS"
# After an error, no report of a run before this one must be taken for this one's.
rm -f "$REPORTS"/{report.json,report.html,ovcheck.sarif,junit.xml,summary.md,annotations.txt}
status=0
"$PROGRAM" check ${arguments[@]+"${arguments[@]}"} \
    --output json="$REPORTS/report.json" --output html="$REPORTS/report.html" \
    --output sarif="$REPORTS/ovcheck.sarif" --output junit="$REPORTS/junit.xml" \
    --output markdown="$REPORTS/summary.md" --output github="$REPORTS/annotations.txt" || status=$?

echo "status=$status" >> "$GITHUB_OUTPUT"
if [ -f "$REPORTS/summary.md" ]; then
    cat "$REPORTS/annotations.txt"
    cat "$REPORTS/summary.md" >> "$GITHUB_STEP_SUMMARY"
    echo "sarif=$REPORTS/ovcheck.sarif" >> "$GITHUB_OUTPUT"
fi
