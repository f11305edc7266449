<?php
// What Wavelog's PHP does with the worker, as a command line for the tests: one short HTTP request
// per call over a connection of its own, with Wavelog's timeouts.
//
// Usage: php client.php URL SECRET ACTION [ARGUMENT...]
//   register TOPIC REQUIRE_TOKEN     1 or 0
//   unregister TOPIC
//   publish TOPIC [EXPECT]           payload (JSON) on standard input; EXPECT 1 asks with
//                                    "Expect: 100-continue" whatever the size
//   deliver TOPIC REQUIRE_TOKEN      the same, and on 404 registers the topic and publishes again
//   status [topics]
//   routine TOPIC COUNT              as many times: asks for the status, publishes a number
//   token TOPIC USER_ID TTL_SECONDS  needs no worker
//
// Prints one JSON object: {"calls": [{"path", "status", "body", "error", "ms"}...]} or {"token"}.

const CONNECT_TIMEOUT_MS = 500;
const TIMEOUT_MS = 1000;

[, $url, $secret, $action] = $argv;
$arguments = array_slice($argv, 4);
$calls = [];

function call(string $method, string $path, ?string $body = null, array $headers = []): int
{
    global $url, $secret, $calls;
    $curl = curl_init($url . $path);
    curl_setopt_array($curl, [
        CURLOPT_CUSTOMREQUEST => $method,
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_CONNECTTIMEOUT_MS => CONNECT_TIMEOUT_MS,
        CURLOPT_TIMEOUT_MS => TIMEOUT_MS,
        CURLOPT_FRESH_CONNECT => true,
        CURLOPT_FORBID_REUSE => true,
        CURLOPT_HTTPHEADER => [
            'Content-Type: application/json',
            'X-Worker-Secret: ' . $secret,
            ...$headers,
        ],
    ]);
    if ($body !== null) {
        curl_setopt($curl, CURLOPT_POSTFIELDS, $body);
    }
    $start = hrtime(true);
    $answer = curl_exec($curl);
    $status = curl_getinfo($curl, CURLINFO_RESPONSE_CODE);
    $calls[] = [
        'path' => $path,
        'status' => $status,
        'body' => $answer === false ? null : $answer,
        'error' => curl_error($curl),
        'ms' => (hrtime(true) - $start) / 1e6,
    ];
    curl_close($curl);
    return $status;
}

function register(string $topic, bool $requireToken): int
{
    $meta = ['require_token' => $requireToken];
    return call('POST', '/internal/register', json_encode(['topic' => $topic, 'meta' => $meta]));
}

function publish(string $topic, string $payload, bool $expect = false): int
{
    // As json_encode writes it, but with the payload's own text: what it is must arrive.
    $body = '{"topic":' . json_encode($topic) . ',"payload":' . $payload . '}';
    $headers = $expect ? ['Expect: 100-continue'] : [];
    return call('POST', '/internal/publish', $body, $headers);
}

function token(array $claims, string $secret): string
{
    $message = bin2hex(json_encode($claims));
    return $message . '.' . bin2hex(hash_hmac('sha256', $message, $secret, true));
}

switch ($action) {
    case 'register':
        register($arguments[0], $arguments[1] === '1');
        break;
    case 'unregister':
        call('POST', '/internal/unregister', json_encode(['topic' => $arguments[0]]));
        break;
    case 'publish':
        publish($arguments[0], stream_get_contents(STDIN), ($arguments[1] ?? '') === '1');
        break;
    case 'deliver':
        $payload = stream_get_contents(STDIN);
        if (publish($arguments[0], $payload) === 404) {
            register($arguments[0], $arguments[1] === '1');
            publish($arguments[0], $payload);
        }
        break;
    case 'status':
        call('GET', '/internal/status' . (($arguments[0] ?? '') === 'topics' ? '?topics=1' : ''));
        break;
    case 'routine':
        for ($number = 0; $number < (int) $arguments[1]; $number++) {
            call('GET', '/internal/status');
            publish($arguments[0], (string) $number);
            usleep(20_000);
        }
        break;
    case 'token':
        [$topic, $user, $ttl] = $arguments;
        $claims = ['user_id' => (int) $user, 'topic' => $topic, 'expires' => time() + (int) $ttl];
        echo json_encode(['token' => token($claims, $secret)]), "\n";
        exit(0);
    default:
        fwrite(STDERR, "unknown action $action\n");
        exit(2);
}
echo json_encode(['calls' => $calls], JSON_INVALID_UTF8_SUBSTITUTE), "\n";
