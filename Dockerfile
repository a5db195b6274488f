# The build stage has all dependencies. The final image has only those that the processes need.
FROM node:24-bookworm-slim AS base
WORKDIR /app
COPY package.json package-lock.json ./

FROM base AS build
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY src src
COPY schema schema
COPY workers workers
COPY simulator simulator
COPY packaging packaging
RUN npm run build

FROM base AS dependencies
RUN npm ci --omit=dev && npm cache clean --force

FROM node:24-bookworm-slim
WORKDIR /app
ENV NODE_ENV=production ADMIN_HOST=0.0.0.0
COPY package.json ./
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY schema/schema.graphql schema/schema.graphql
USER node
EXPOSE 4000 9464
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.ADMIN_PORT || 9464}/livez`).then((response) => process.exit(response.ok ? 0 : 1), () => process.exit(1))"]
# Exec form, so that the process itself receives SIGTERM. Run it with an init process (docker run --init) to reap zombies.
ENTRYPOINT ["node", "dist/src/cli.js"]
CMD ["gateway"]
