// Preact, its hooks and htm under one name, so that no other module depends on where they are kept.

import { createContext, Fragment, h, render } from "./vendor/preact.mjs";
import htm from "./vendor/htm.mjs";

export const html = htm.bind(h);
export { createContext, Fragment, render };
export { useContext, useEffect, useId, useRef, useState } from "./vendor/hooks.mjs";
