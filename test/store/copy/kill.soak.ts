import { testKills } from './killed.js';

testKills(50);
