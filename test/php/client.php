<?php
// What Wavelog's PHP does with the worker, as a command line for the tests.
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

require __DIR__ . '/wavelog.php';

[, $url, $secret, $action] = $argv;
$arguments = array_slice($argv, 4);
$worker = new Worker($url, $secret);

switch ($action) {
    case 'register':
        $worker->register($arguments[0], $arguments[1] === '1');
        break;
    case 'unregister':
        $worker->unregister($arguments[0]);
        break;
    case 'publish':
        $worker->publish($arguments[0], stream_get_contents(STDIN), ($arguments[1] ?? '') === '1');
        break;
    case 'deliver':
        $worker->deliver($arguments[0], $arguments[1] === '1', stream_get_contents(STDIN));
        break;
    case 'status':
        $query = ($arguments[0] ?? '') === 'topics' ? '?topics=1' : '';
        $worker->call('GET', '/internal/status' . $query);
        break;
    case 'routine':
        for ($number = 0; $number < (int) $arguments[1]; $number++) {
            $worker->call('GET', '/internal/status');
            $worker->publish($arguments[0], (string) $number);
            usleep(20_000);
        }
        break;
    case 'token':
        [$topic, $user, $ttl] = $arguments;
        $claims = ['user_id' => (int) $user, 'topic' => $topic, 'expires' => time() + (int) $ttl];
        echo json_encode(['token' => $worker->token($claims)]), "\n";
        exit(0);
    default:
        fwrite(STDERR, "unknown action $action\n");
        exit(2);
}
echo json_encode(['calls' => $worker->calls], JSON_INVALID_UTF8_SUBSTITUTE), "\n";
