# docker build -t godwit .
# docker run -p 8080:8080 -v godwit-data:/data godwit
FROM node:24-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY . .
RUN npm run build
RUN npm prune --omit=dev --no-audit --no-fund

FROM node:24-bookworm-slim
WORKDIR /app
COPY --from=build /build/package.json ./
COPY --from=build /build/node_modules ./node_modules
COPY --from=build /build/bin ./bin
COPY --from=build /build/dist ./dist
RUN ln -s /app/bin/godwit.cjs /usr/local/bin/godwit && install -d -o node -g node -m 0700 /data
USER node
ENV GODWIT_DATA=/data GODWIT_HOST=0.0.0.0 GODWIT_PORT=8080
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.GODWIT_PORT || 8080) + '/readyz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# Requests in flight have 30 s to end: give it as long (docker stop -t 40).
STOPSIGNAL SIGTERM
ENTRYPOINT ["godwit"]
CMD ["serve"]
