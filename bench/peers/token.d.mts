export function isTokenFor(secret: string, topic: string, token: unknown): boolean;
