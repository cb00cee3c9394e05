# One image for every role: lumina serve | migrate | doctor | token | chat.
#
#   docker build -t lumina-rt .
#   docker run --rm -e LUMINA_DATABASE_URL=... lumina-rt migrate
#   docker run -p 8080:8080 -e LUMINA_DATABASE_URL=... -e LUMINA_REDIS_URL=... -e LUMINA_SECRET=... \
#     -e LUMINA_ENCRYPTION_KEYS=... lumina-rt

FROM python:3.13-slim AS build
WORKDIR /build
COPY pyproject.toml uv.lock README.md ./
RUN pip install --no-cache-dir "uv>=0.9,<1" \
    && uv export --frozen --extra server --no-dev --no-emit-project -o requirements.txt \
    && python -m venv /opt/lumina \
    && /opt/lumina/bin/pip install --no-cache-dir --require-hashes -r requirements.txt
COPY lumina_rt lumina_rt
COPY protocol/lumina_protocol protocol/lumina_protocol
COPY sql sql
RUN uv build --wheel --out-dir dist \
    && /opt/lumina/bin/pip install --no-cache-dir --no-deps dist/*.whl

FROM python:3.13-slim
# For videos and sounds; without it they are kept as they come.
RUN apt-get update -qq \
    && apt-get install -qq -y --no-install-recommends ffmpeg \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/lumina lumina
COPY --from=build /opt/lumina /opt/lumina
ENV PATH=/opt/lumina/bin:$PATH \
    LUMINA_HOST=0.0.0.0 \
    LUMINA_PRIVATE_HOST=0.0.0.0 \
    LUMINA_BLOB_DIR=/var/lib/lumina/blobs
USER lumina
WORKDIR /var/lib/lumina
EXPOSE 8080 9090
STOPSIGNAL SIGTERM
# That it lives. Whether it is ready is for the balancer to ask, at /readyz: a fault that all nodes
# share must not have them all restarted.
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s CMD \
    ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ.get('LUMINA_PRIVATE_PORT', '9090') + '/healthz', timeout=2)"]
ENTRYPOINT ["lumina"]
CMD ["serve"]
