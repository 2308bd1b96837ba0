export { type AdkServer, type ServeOptions, serveAdk } from './serve.js';
