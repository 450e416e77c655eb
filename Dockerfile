# Both bases: Node 24.12 or later. That of the result needs no shell and no npm.
ARG BUILD=node:24-bookworm-slim
ARG RUNTIME=node:24-bookworm-slim

FROM ${BUILD} AS build
WORKDIR /app
COPY package.json package-lock.json ./
# No package that the gateway runs with needs its install script.
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
COPY docs ./docs
COPY scripts/write-sbom.ts ./scripts/
# The bill of materials of what runs is dist/sbom.cdx.json.
RUN npm run build && npm run sbom && npm prune --omit=dev --ignore-scripts && mkdir /data

FROM ${RUNTIME}
# The root file system may be read-only: everything that is written goes to DATA_DIR.
ENV NODE_ENV=production \
    HOST=0.0.0.0 \
    PORT=8080 \
    DATA_DIR=/data
WORKDIR /app
COPY --from=build /app/node_modules ./node_modules
# The version that the gateway tells is read from package.json.
COPY --from=build /app/package.json ./
COPY --from=build /app/dist ./dist
# The gateway serves them at /docs.
COPY --from=build /app/docs ./docs
COPY --from=build --chown=10001:10001 /data /data
USER 10001:10001
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/healthz`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "--enable-source-maps", "dist/main.js"]
