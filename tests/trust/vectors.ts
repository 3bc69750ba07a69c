/** What the stock minisign 0.11 made: keys with and without a password, a signature of each kind. For tests alone. */

export const CONTENT: Buffer = Buffer.from("hello\n");

/** Made by `minisign -G -W`. */
export const PLAIN = {
  id: "8B07EC493A8798BE",
  publicKey: "RWS+mIc6SewHiwZXaalrG8I/fogfwb8n8mJtJ9EFONAI+2baNvAt/Svw",
  secretKey: `untrusted comment: minisign encrypted secret key
RWQAAEIyAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAvpiHOknsB4tsju0QKxnweHzn7QiCNvwZnL9QzOaL0UEfEPKT2nNJ4QZXaalrG8I/fogfwb8n8mJtJ9EFONAI+2baNvAt/SvwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
`,
} as const;

/** Made by `minisign -G`, with the password "pw". */
export const MASKED = {
  publicKey: "RWQm9zp/lbL/98ToLsmvgUv4PcLTIz42ILgTvPEuXpRM01iPKSrV3BaE",
  password: "pw",
  secretKey: `untrusted comment: minisign encrypted secret key
RWRTY0Iy/KJx7icqYNP6lFp0MCRGX75gX/V6X9oNIdhqWrEc+xkAAAACAAAAAAAAAEAAAAAAWpnruPjfIGxkB3EHWTidjpmcOOND6i7LDrBhImkdOWR/I3F3uCC+OYd8d00193zsV4EAflliZxUsj4wVo2/gCN2jiYtCr1psZhDT9jxc+TbAggfoyOuygStdAecYUfkpu5gjsalAPOc=
`,
} as const;

/** Of {@link CONTENT}, by {@link PLAIN}. */
export const PREHASHED = `untrusted comment: by the stock tool
RUS+mIc6SewHiyNOmJkc3sulhcpqYCAONuQgEs71lQCy5ikklgSzNleQWiLuuxjXSrFz+yhv2ZVjEj5k+XsI1TFk6IuJWdKapQs=
trusted comment: kit=flux version=3 sha256=5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03
aj2eO097+QHazNwd8QcIotmSGJ8OGhzgASpHAZ4gT3ZTBKXJwrW5hq/9231EDbJGCtVI3rN13HiSWwV+pCBzAg==
`;

/** The same with `minisign -S -l`. */
export const LEGACY = `untrusted comment: signature from minisign secret key
RWS+mIc6SewHi95+XECrtHxLms1AYwsDV4cUHdNCIDE4fumY+6HyWk00DYgG5ZSjaHyeh/we7bP3p/fE4O+78JX8WrFnlvenPA4=
trusted comment: a legacy one
gWqqormy1mAw3DaWlsYOKFv1fHf2B26/5VaP8Vf4zUL2aDa0FI0HogTpbArnrUMuSkfTtE9+mBuevcwdMi31Dg==
`;
