# mien on the processor: the demo, the studio, files and a farm worker in one image, which does not run as root.
# scripts/container builds and tries it. The base is named by its date; name another, or a digest, with --build-arg BASE=...
ARG BASE=debian:bookworm-20250520-slim

FROM $BASE AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates python3 python3-venv \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY requirements.lock ./
# Only files whose sha256 is in the lock, and none that would have to be built.
RUN python3 -m venv /opt/mien \
    && /opt/mien/bin/pip install --no-cache-dir --require-hashes --only-binary :all: --requirement requirements.lock
COPY LICENSE NOTICE README.md pyproject.toml setup.py ./
COPY src src
# Compiles the kernels too, for every x86-64 processor since 2013, whatever this one is; others compile at the first start.
RUN /opt/mien/bin/pip install --no-cache-dir --no-deps --no-build-isolation . \
    && /opt/mien/bin/python -m compileall -q /opt/mien/lib
# Whatever the mask of this build: the user of the image is another.
RUN chmod -R go+rX-w /opt/mien

FROM $BASE
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates python3 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 1000 --create-home mien \
    && install --directory --owner mien --group mien --mode 0700 /data /work
COPY --from=build /opt/mien /opt/mien
# Key, ledger and installed models live in /data, compiled kernels too: a volume keeps them. /work is for pictures and films.
ENV PATH=/opt/mien/bin:$PATH MIEN_DATA=/data NUMBA_CACHE_DIR=/data/kernels PYTHONDONTWRITEBYTECODE=1
USER mien
WORKDIR /work
VOLUME ["/data"]
EXPOSE 7421
ENTRYPOINT ["mien"]
CMD ["--help"]
