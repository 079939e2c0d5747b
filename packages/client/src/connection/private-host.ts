/**
 * Whether a host is of the machine itself or of a private network, by what its name says: RFC 1918, 6598, 3927 and 4193, loopback, names of one word, `.local`, `.internal`, `.home.arpa`.
 * What a public name leads to is not looked up.
 *
 * @param hostname - as the URL parser writes it (`URL.hostname`): IPv4 with four decimal numbers, IPv6 in brackets
 */
export function isPrivateHost(hostname: string): boolean {
  if (hostname.startsWith('[')) return isPrivateIpv6(hostname.slice(1, -1));
  const numbers = /^(\d+)\.(\d+)\.\d+\.\d+$/.exec(hostname);
  if (numbers !== null) return isPrivateIpv4(Number(numbers[1]), Number(numbers[2]));
  const name = hostname.replace(/\.$/, '');
  return !name.includes('.') || /\.(localhost|local|internal|home\.arpa)$/.test(name);
}

function isPrivateIpv4(first: number, second: number): boolean {
  switch (first) {
    case 0:
    case 10:
    case 127:
      return true;
    case 100:
      return second >= 64 && second <= 127;
    case 169:
      return second === 254;
    case 172:
      return second >= 16 && second <= 31;
    case 192:
      return second === 168;
    default:
      return false;
  }
}

/** Whatever stands for an IPv4 address counts as private: nobody needs to write one so. */
function isPrivateIpv6(address: string): boolean {
  return /^(::|f[cd]|fe[89ab]|64:ff9b:)/.test(address);
}
