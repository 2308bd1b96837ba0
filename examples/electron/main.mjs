// The main process of an Electron app, with its database in the user's data folder.
import { join } from 'node:path';
import { createPool } from 'aiosqlite';
import { app, BrowserWindow, ipcMain } from 'electron';

const pool = createPool(join(app.getPath('userData'), 'app.db'));
ipcMain.handle('notes', () => pool.all('SELECT * FROM note ORDER BY id'));

await app.whenReady();
await pool.exec('CREATE TABLE IF NOT EXISTS note (id INTEGER PRIMARY KEY, text TEXT)');
await new BrowserWindow().loadFile('index.html');

app.on('will-quit', (event) => {
  event.preventDefault(); // until the pool has closed
  pool.close().finally(() => app.exit());
});
