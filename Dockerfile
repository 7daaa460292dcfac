# One image for every command: stream, dashboard, serve, scheduler. docs/containers.md says how to run it, compose.yaml does.
# Behind a proxy with a certificate of its own: --secret id=certificates,src=BUNDLE.pem; pip's settings: --secret id=pip,src=pip.conf.
FROM python:3.11-slim-bookworm AS base
# update-alternatives fails where slim images leave out the folder of the manual.
RUN mkdir -p /usr/share/man/man1 \
 && apt-get update \
 && apt-get install -y --no-install-recommends openjdk-17-jre-headless \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/dpkg.log /tmp/* \
 && useradd --uid 10001 --home-dir /tmp --no-create-home --shell /usr/sbin/nologin ad_stream \
 && install -d -o ad_stream -g ad_stream /data

# The packages, each by its SHA-256, and nothing of what built them.
FROM base AS packages
COPY requirements/locked/build.txt requirements/locked/image.txt /build/
RUN --mount=type=secret,id=certificates --mount=type=secret,id=pip \
    if [ -s /run/secrets/certificates ]; then export PIP_CERT=/run/secrets/certificates; fi \
 && if [ -s /run/secrets/pip ]; then export PIP_CONFIG_FILE=/run/secrets/pip; fi \
 && python3 -m venv /opt/ad_stream && cd /opt/ad_stream \
 && bin/python -m pip install --quiet --no-cache-dir --require-hashes --no-build-isolation -r /build/build.txt \
 && bin/python -m pip install --quiet --no-cache-dir --require-hashes --no-build-isolation -r /build/image.txt

# The jars, each by its SHA-256; only what fetches them is copied, so that other changes leave them as they are.
FROM packages AS jars
COPY ad_stream/__init__.py ad_stream/errors.py /build/ad_stream/
COPY ad_stream/runtime /build/ad_stream/runtime
RUN --mount=type=secret,id=certificates \
    if [ -s /run/secrets/certificates ]; then export SSL_CERT_FILE=/run/secrets/certificates; fi \
 && cd /build && AD_STREAM_CACHE=/opt/jars /opt/ad_stream/bin/python -m ad_stream.runtime.jars delta kafka event_hubs > /dev/null

# ad_stream itself, in a layer of its own: the only one that a change of the code makes anew.
FROM packages AS ours
COPY pyproject.toml README.md LICENSE /build/
COPY jobs /build/jobs
COPY ad_stream /build/ad_stream
RUN /opt/ad_stream/bin/python -m pip install --quiet --no-cache-dir --no-deps --no-index --no-build-isolation --prefix /opt/ours /build

FROM packages AS slim
RUN /opt/ad_stream/bin/python -m pip uninstall --quiet --yes hatchling editables pathspec pluggy trove-classifiers wheel setuptools pip \
 && find /opt/ad_stream/lib -type d -name tests -prune -exec rm -r {} +

FROM base
LABEL org.opencontainers.image.title="ad_stream" \
      org.opencontainers.image.description="Scores every minute of every device: stream, dashboard, REST service, scheduler" \
      org.opencontainers.image.licenses="MIT"
COPY --from=slim /opt/ad_stream /opt/ad_stream
COPY --from=jars /opt/jars /opt/jars
COPY --from=ours /opt/ours /opt/ad_stream
# The root file system is read-only where compose.yaml runs it: what is written goes to /data and /tmp.
ENV PATH=/opt/ad_stream/bin:$PATH HOME=/tmp OMP_NUM_THREADS=1 PYTHONUNBUFFERED=1 AD_STREAM_CACHE=/opt/jars AD_STREAM_OFFLINE=1
USER 10001:10001
WORKDIR /data
# ad-stream, or the command line of the retired service's container: Eula=accept Billing=… ApiKey=…
ENTRYPOINT ["/opt/ad_stream/bin/python", "-m", "ad_stream.azure_api.container"]
