// Who says something on this page: asked once, remembered by the browser.
const KEY = "ad-stream-owner";

export const owner = () => { try { return localStorage.getItem(KEY) ?? ""; } catch { return ""; } };
export const keepOwner = (name) => { try { localStorage.setItem(KEY, name); } catch { /* asked again next time */ } };
