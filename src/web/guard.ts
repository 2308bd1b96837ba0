import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';

/** Hosts under which the server may be reached. */
export interface Allowed {
  /** The host that the server is bound to. */
  host: string;
  /** Further host names, with or without a port. */
  further: ReadonlySet<string>;
}

/**
 * The reason to refuse a request, if there is one. A page of another site can reach a server on this machine in two ways. Its
 * name resolves to 127.0.0.1: the Host header shows the name. It sends a request of its own: Origin shows the site.
 */
export function refusal({ headers, socket }: IncomingMessage, allowed: Allowed): string | undefined {
  const host = parse(`http://${headers.host ?? ''}`);
  if (host === undefined || !isAllowed(host, allowed, socket.localAddress)) {
    return 'the Host header names a host that this server is not known by: see allowedHosts';
  }
  if (headers.origin === undefined) return undefined;
  const origin = parse(headers.origin);
  const same = origin?.host === host.host;
  if (origin === undefined || !(same || isListed(origin, allowed))) {
    return 'the Origin header names another site: see allowedHosts';
  }
  return undefined;
}

function parse(text: string): URL | undefined {
  return URL.canParse(text) && text !== 'http://' ? new URL(text) : undefined;
}

function isAllowed(host: URL, allowed: Allowed, localAddress = ''): boolean {
  const name = bare(host.hostname);
  // The address that the connection came to needs no name, and so can't be one that was rebound.
  return isLoopback(name) || name === bare(allowed.host) || name === bare(localAddress) || isListed(host, allowed);
}

function isListed(host: URL, { further }: Allowed): boolean {
  return further.has(bare(host.hostname)) || further.has(host.host);
}

function isLoopback(name: string): boolean {
  return name === 'localhost' || name === '::1' || (isIP(name) === 4 && name.startsWith('127.'));
}

/** A host name or address without brackets, and an IPv4 address without the prefix that IPv6 sockets show it with. */
function bare(name: string): string {
  return name
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/^::ffff:/, '');
}
