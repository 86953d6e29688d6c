// What the page shows of the deployment, read once.

import { createContext, useContext } from "./dom.js";

export const FactsContext = createContext(null);
export const useFacts = () => useContext(FactsContext);
