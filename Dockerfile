# The proxy, small and without root. Every step that does something is a script in docker/, which
# the tests run without Docker.
FROM python:3.13-slim AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends g++ \
    && rm -rf /var/lib/apt/lists/*
COPY . /source
RUN sh /source/docker/build.sh /source /opt/cacheback

FROM python:3.13-slim
RUN useradd --system --uid 10001 --home-dir /data cacheback \
    && install --directory --owner=cacheback --mode=0700 /data
COPY --from=build /opt/cacheback /opt/cacheback
COPY docker/check.sh /opt/cacheback/check.sh
ENV PATH="/opt/cacheback/bin:$PATH" \
    CACHEBACK_HOST=0.0.0.0 \
    CACHEBACK_PORT=8080 \
    CACHEBACK_CACHE_DIR=/data
USER 10001
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=6s \
    CMD ["sh", "/opt/cacheback/check.sh", "/opt/cacheback/bin/python3"]
CMD ["cacheback-proxy"]
