const adk = require('@google/adk');
const { SqliteSessionService } = require('aiosqlite/adk');
const { SessionStore } = require('aiosqlite/store');
const { writeOrder } = require('./write-order-case.cjs');

writeOrder(adk, SqliteSessionService, SessionStore, process.argv[2]).then((seen) => console.log(JSON.stringify(seen)));
