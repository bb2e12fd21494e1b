# One image for both services: `node dist/producer.js`, `node dist/consumer.js`, or both with `node dist/run.js`; and for
# the command line, `webmon`.
# It needs no BuildKit, so that an older Docker builds it as well.

# What the services need to run. In a stage of its own, so that a change in src does not install it again.
FROM node:24-bookworm-slim AS dependencies
WORKDIR /webmon
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev

FROM node:24-bookworm-slim AS build
WORKDIR /webmon
COPY package.json package-lock.json .npmrc ./
# The install scripts are of packages for the tests; the compiler has none.
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN node_modules/.bin/tsc -p tsconfig.build.json
COPY sql ./sql
COPY assets ./assets
COPY certs ./certs
COPY config.yaml ./
# Any user may be the one that the container runs as, and a clone may be closed to all but its owner.
RUN chmod a+x dist/webmon.js && chmod -R a+rX dist sql assets certs config.yaml package.json

FROM node:24-bookworm-slim
WORKDIR /webmon
COPY --from=dependencies /webmon/node_modules ./node_modules
COPY --from=build /webmon/package.json /webmon/config.yaml ./
COPY --from=build /webmon/sql ./sql
COPY --from=build /webmon/assets ./assets
COPY --from=build /webmon/certs ./certs
COPY --from=build /webmon/dist ./dist
# The command line, by its name: `docker-compose exec webmon-producer webmon --help`.
RUN ln -s /webmon/dist/webmon.js /usr/local/bin/webmon
# What the producer writes; a new volume that is mounted here takes its owner over.
RUN mkdir -p data/spool && chown node:node data/spool
# uid 1000. Everything else in /webmon belongs to root: a service cannot change its own program.
USER node
EXPOSE 9464 9465
# Each check starts a Node process, about 0.1 s of a core. Healthy is who answers /readyz with 200; a service that waits
# for Kafka or the database does not, and the first minute of a start does not count. Docker only shows it. What starts an
# unhealthy one again should ask /healthz instead: no restart brings a broker back.
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 CMD ["node", "dist/healthcheck.js"]
CMD ["node", "dist/run.js"]
