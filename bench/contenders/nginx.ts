/** nginx as a reverse proxy with one worker: with its own defaults for buffers, and with buffers that hold 1 MiB. */
import { join } from 'node:path'
import { type Command, findProgram } from '../command.ts'
import { findInstalled } from './installed.ts'
import type { Contender, Launch, Setting } from './types.ts'

/** A whole configuration around what stands in `http`; all its files below `directory`. */
export function nginxConfig(directory: string, http: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  // A master that root starts would give its worker to `nobody`, who may not read the bench's folder.
  const user = process.getuid?.() === 0 ? 'user root;' : ''
  return `${user}
worker_processes 1;
daemon off;
pid ${directory}/nginx.pid;
error_log stderr error;
events { worker_connections 2048; }
http {
  access_log off;
  keepalive_timeout 3600s;
  keepalive_requests 1000000000;
  ${temporary.map(name => `${name}_temp_path ${directory}/${name};`).join('\n  ')}
  ${http}
}
`
}

export function nginxCommand(program: string, config: string, directory: string): Command {
  return { file: program, args: ['-p', directory, '-e', 'stderr', '-c', config] }
}

function launch({ directory, port, originPort }: Setting, buffers: string): Launch {
  const http = `
    upstream origin {
      server 127.0.0.1:${originPort};
      keepalive 128;
      keepalive_requests 1000000000;
      keepalive_timeout 3600s;
    }
    server {
      listen 127.0.0.1:${port} backlog=1024;
      location / {
        proxy_pass http://origin;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host $http_host;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
        ${buffers}
      }
    }`
  const config = join(directory, 'nginx.conf')
  return {
    command: nginxCommand(findProgram('nginx') ?? 'nginx', config, directory),
    files: new Map([['nginx.conf', nginxConfig(directory, http)]]),
  }
}

const find = () => findInstalled('nginx', ['-v'])

export const nginx: Contender = {
  name: 'nginx',
  about: '`proxy_pass` with kept upstream connections, buffers as nginx has them by default',
  find,
  launch: setting => launch(setting, ''),
}

export const nginxBuffers: Contender = {
  name: 'nginx-buffers',
  about: 'the same with 16 buffers of 64 KiB and no temporary file',
  find,
  launch: setting => launch(setting, 'proxy_buffers 16 64k; proxy_buffer_size 64k; proxy_max_temp_file_size 0;'),
}
