<?php
// Makes golden tokens the way Wavelog's PHP makes them; prints them as JSON for src/protocol.
// Usage: php test/php/tokens.php > src/protocol/golden-tokens.json

function token(array $claims, string $secret): string
{
    $message = bin2hex(json_encode($claims));
    return $message . '.' . bin2hex(hash_hmac('sha256', $message, $secret, true));
}

$secret = '0123456789abcdef0123456789abcdef';
$cases = [
    ['user_id' => 7, 'topic' => 'contest_session.42', 'expires' => 1900000000],
    ['user_id' => 0, 'topic' => 'worker.status', 'expires' => 1900000000],
    ['user_id' => 1, 'topic' => "radio/user 7 \"quoted\" \\ \u{00fc}\u{1f4e1}", 'expires' => 1900000000],
    ['topic' => 'order.of.keys', 'expires' => 1900000000, 'user_id' => 9007199254740991],
    ['user_id' => 2, 'topic' => 'more.keys', 'expires' => 1900000000, 'nonce' => 'x'],
];
$vectors = [];
foreach ($cases as $claims) {
    $vectors[] = [
        'user_id' => $claims['user_id'],
        'topic' => $claims['topic'],
        'expires' => $claims['expires'],
        'token' => token($claims, $secret),
    ];
}
echo json_encode(
    ['secret' => $secret, 'vectors' => $vectors],
    JSON_PRETTY_PRINT | JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES
), "\n";
