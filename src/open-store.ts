import type { SecretKeeper } from './config/secrets.ts';
import type { OpenStore } from './engine/open-ends.ts';
import { parseAddress } from './model/address.ts';
import type { Registry } from './store/registry.ts';

/** Opens an end of a job: finds its driver and fetches its secrets, as late as can be. */
export const openStore =
  (registry: Registry, secrets: SecretKeeper): OpenStore =>
  async (endpoint, signal) => {
    const { address } = parseAddress(endpoint.address);
    const driver = registry.find(address);
    return driver.open(address, await secrets.open(endpoint, driver.options), signal);
  };
