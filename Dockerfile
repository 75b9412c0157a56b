# The image that takes the place of supabase/logflare. Supabase's compose file checks its health with
# curl, so curl is in it.
FROM rust:1.95-bookworm AS build
WORKDIR /logweir
COPY . .
RUN cargo build --release --locked --package logweir

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates curl \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /logweir/target/release/logweir /usr/local/bin/logweir
# The spool lies there: it has to outlive the container.
RUN install --directory --owner=nobody --group=nogroup /var/lib/logweir
VOLUME /var/lib/logweir
USER nobody
ENV LOGWEIR_DATA_DIR=/var/lib/logweir
EXPOSE 4000 50051
ENTRYPOINT ["logweir"]
CMD ["serve"]
