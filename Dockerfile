# Builds Tutti from this tree and runs its command: docker build -t tutti . && docker run --rm tutti job check examples/jobs/digits.yaml
FROM node:22-bookworm-slim

WORKDIR /tutti
COPY . .
RUN npm ci && npm cache clean --force && mkdir -p /data && chown node:node /data

# glibc keeps memory that was freed: vectors and key streams come and go by the megabyte.
ENV MALLOC_TRIM_THRESHOLD_=268435456

USER node
VOLUME /data
ENTRYPOINT ["node", "packages/cli/bin/tutti.js"]
CMD ["simulate", "--out", "/data"]
