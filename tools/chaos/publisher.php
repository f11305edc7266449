<?php
// One of Wavelog's web servers: publishes events one after the other, each as Wavelog would.
//
// Reads JSON lines from standard input, the first before anything else:
//   {"url", "secret", "publisher", "topics": [...], "everyMs"}   whom to tell what, and how often
//   {"secret"}                        from now on this secret
//   {"burst": {"topic", "bytes", "count", "everyMs"}}            so many large events, in between
//   {"stop": true}                    ends after the event under way
// Prints a JSON line once the topics are registered, and one for every event:
//   {"ready": true}
//   [number, topic, began, answered, statuses, error]   times: Unix, in milliseconds

require __DIR__ . '/../../test/php/wavelog.php';

/** Unix time in milliseconds. */
function now(): float
{
    return microtime(true) * 1000;
}

/** Events of this publisher, in the order in which they are due. */
class Publisher
{
    private int $count = 0;

    public function __construct(private Worker $worker, private int $number)
    {
    }

    public function publish(string $topic, int $bytes): void
    {
        $this->count++;
        $fill = $bytes > 0 ? ',"fill":"' . str_repeat('x', $bytes) . '"' : '';
        $payload = '{"p":' . $this->number . ',"n":' . $this->count . $fill . '}';
        $this->worker->calls = [];
        $began = now();
        $this->worker->deliver($topic, true, $payload);
        $answered = now();
        $statuses = array_column($this->worker->calls, 'status');
        $error = end($this->worker->calls)['error'];
        echo json_encode([$this->count, $topic, $began, $answered, $statuses, $error]), "\n";
    }
}

/** Something to be published again and again. */
class Lane
{
    private int $done = 0;

    public function __construct(
        private array $topics,
        private float $everyMs,
        public float $due,
        private int $bytes = 0,
        private int $count = PHP_INT_MAX,
    ) {
    }

    public function isOver(): bool
    {
        return $this->done === $this->count;
    }

    public function next(Publisher $publisher): void
    {
        $publisher->publish($this->topics[$this->done % count($this->topics)], $this->bytes);
        $this->done++;
        // One that had to wait makes up for it, but not all at once after a long wait.
        $this->due = max($this->due + $this->everyMs, now() - 10 * $this->everyMs);
    }
}

$order = json_decode(fgets(STDIN), true);
$worker = new Worker($order['url'], $order['secret']);
$publisher = new Publisher($worker, $order['publisher']);
foreach ($order['topics'] as $topic) {
    if ($worker->register($topic, true) !== 200) {
        fwrite(STDERR, 'register: ' . json_encode($worker->calls) . "\n");
        exit(1);
    }
}
echo json_encode(['ready' => true]), "\n";

$lanes = [new Lane($order['topics'], $order['everyMs'], now())];
while (true) {
    usort($lanes, fn (Lane $a, Lane $b): int => $a->due <=> $b->due);
    $waitUs = (int) max(0, ($lanes[0]->due - now()) * 1000);
    $read = [STDIN];
    $write = $except = null;
    if (stream_select($read, $write, $except, 0, $waitUs) > 0) {
        $line = fgets(STDIN);
        $order = $line === false ? ['stop' => true] : json_decode($line, true);
        if (isset($order['stop'])) {
            exit(0);
        }
        if (isset($order['secret'])) {
            $worker->secret = $order['secret'];
        }
        if (isset($order['burst'])) {
            ['topic' => $topic, 'bytes' => $bytes, 'count' => $count] = $order['burst'];
            $lanes[] = new Lane([$topic], $order['burst']['everyMs'], now(), $bytes, $count);
        }
    } elseif ($lanes[0]->due <= now()) {
        $lanes[0]->next($publisher);
        $lanes = array_filter($lanes, fn (Lane $lane): bool => !$lane->isOver());
    }
}
