# The environment of the crawl; the project's folder is a volume at /project (deploy/crawl.yaml). It has no Chromium, which
# the demo web and bing need.
FROM docker.io/library/python:3.11.14-slim-bookworm

WORKDIR /environment
COPY pyproject.toml uv.lock ./
RUN pip install --no-cache-dir "uv>=0.11" && \
    uv sync --frozen --no-cache --no-dev --no-install-project --extra crawl

ENV PATH=/environment/.venv/bin:${PATH} PYTHONPATH=/project/src:/project PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /project
ENTRYPOINT ["python", "-m", "herodex.cli", "crawl"]
