/** The web servers of the benchmark: one nginx with a port for each role. Pure. */

export interface NginxPorts {
  /** The bucket: plain HTTP, says nothing of caches. */
  readonly origin: number;
  /** The same over TLS. */
  readonly originTls: number;
  /** An edge location that has everything. */
  readonly warmEdge: number;
  /** An edge location that has nothing and keeps nothing: it asks `missVia`. */
  readonly coldEdge: number;
  /** An edge location that keeps what it has fetched over `missVia`. */
  readonly cachingEdge: number;
}

export interface NginxOptions {
  /** For what nginx itself writes, the cache of the caching edge among it. */
  readonly folder: string;
  /** What is served. */
  readonly www: string;
  readonly ports: NginxPorts;
  /** Where the cold edge and the caching edge fetch: the port of the road to the origin. */
  readonly missVia: number;
  readonly certificateFile: string;
  readonly keyFile: string;
  /** One line for each answer: port, status, bytes of the body, path. */
  readonly accessLog: string;
}

/** As CloudFront names an edge location in Tokyo. */
const POP = 'NRT57-C1';

/** One process, so that nothing is left when it is killed. */
export function nginxConfiguration(options: NginxOptions): string {
  const { folder, www, ports, missVia } = options;
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `
daemon off;
master_process off;
user root;
pid ${folder}/nginx.pid;
error_log stderr notice;
events { worker_connections 4096; }
http {
  log_format transfers '$server_port $status $body_bytes_sent $uri';
  access_log ${options.accessLog} transfers;
  default_type application/octet-stream;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000;
  ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join('\n  ')}
  proxy_cache_path ${folder}/cache keys_zone=edge:16m inactive=1d max_size=8g;
  proxy_http_version 1.1;
  proxy_set_header Connection '';
  # What the viewer does not take yet stays in memory and, past that, with the origin.
  proxy_max_temp_file_size 0;
  upstream distant { server 127.0.0.1:${missVia}; keepalive 64; }
  map $upstream_cache_status $edge_said { HIT 'Hit from cloudfront'; default 'Miss from cloudfront'; }
  server {
    listen 127.0.0.1:${ports.origin};
    root "${www}";
    autoindex on;
  }
  server {
    listen 127.0.0.1:${ports.originTls} ssl;
    ssl_certificate ${options.certificateFile};
    ssl_certificate_key ${options.keyFile};
    root "${www}";
  }
  server {
    listen 127.0.0.1:${ports.warmEdge};
    root "${www}";
    add_header X-Cache 'Hit from cloudfront';
    add_header X-Amz-Cf-Pop ${POP};
  }
  server {
    listen 127.0.0.1:${ports.coldEdge};
    location / { proxy_pass http://distant; }
    add_header X-Cache 'Miss from cloudfront';
    add_header X-Amz-Cf-Pop ${POP};
  }
  server {
    listen 127.0.0.1:${ports.cachingEdge};
    location / {
      proxy_pass http://distant;
      proxy_cache edge;
      proxy_cache_valid 200 1d;
    }
    add_header X-Cache $edge_said;
    add_header X-Amz-Cf-Pop ${POP};
  }
}
`;
}
