export { announceOnThread, type Announce } from './announcer.js';
