#!/bin/sh
# Prints the path of a Python 3.10 to 3.12 that can make a virtual environment, or says in one sentence what to install.
without_venv=
for name in ${PYTHON:-python3 python3.11 python3.12 python3.10 python}; do
  path=$("$name" -c 'import sys; (3, 10) <= sys.version_info[:2] < (3, 13) or sys.exit(1); print(sys.executable)' 2>/dev/null) || continue
  if "$path" -c 'import venv, ensurepip' 2>/dev/null; then
    echo "$path"
    exit 0
  fi
  without_venv=${without_venv:-$path}
done
if [ -n "$without_venv" ]; then
  echo "ad_stream: $without_venv has no venv module with pip, so install it (Debian, Ubuntu: python3-venv) and run make again." >&2
else
  echo "ad_stream: no Python 3.10, 3.11 or 3.12 among ${PYTHON:-python3, python3.12, python3.11, python3.10}, so install one or name it: make PYTHON=/path/to/python3.11." >&2
fi
exit 2
