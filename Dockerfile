# Builds Tutti from this tree and runs its command: docker build -t tutti . && docker run --rm tutti job check examples/jobs/digits.yaml
FROM node:22-bookworm-slim

WORKDIR /tutti
COPY . .
RUN npm ci && npm cache clean --force && mkdir -p /data && chown node:node /data

USER node
VOLUME /data
ENTRYPOINT ["node", "packages/cli/bin/tutti.js"]
CMD ["simulate", "--out", "/data"]
