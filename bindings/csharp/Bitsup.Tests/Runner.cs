using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Reflection;
using System.Threading.Tasks;

namespace Bitsup.Tests
{
    /// <summary>Marks a method as a test. Its name states what is tested.</summary>
    [AttributeUsage(AttributeTargets.Method)]
    internal sealed class TestAttribute : Attribute
    {
        public TestAttribute(params string[] behaviours) => Behaviours = behaviours;

        /// <summary>The entries of bindings/behaviour.md that the test covers.</summary>
        public IReadOnlyList<string> Behaviours { get; }
    }

    /// <summary>Runs the tests sequentially. It replaces xunit, so that no NuGet packages are needed.</summary>
    internal static class Runner
    {
        private static readonly TimeSpan TestTimeout = TimeSpan.FromMinutes(3);

        /// <summary>Runs the tests. The last line printed is "N passed, M failed".</summary>
        public static int Run(string[] wanted)
        {
            MethodInfo[] tests = typeof(Runner).Assembly.GetTypes()
                .SelectMany(type => type.GetMethods(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic))
                .Where(method => method.GetCustomAttribute<TestAttribute>() != null)
                .Where(method => wanted.Length == 0 || wanted.Any(Title(method).Contains))
                .OrderBy(Title, StringComparer.Ordinal)
                .ToArray();
            int passed = tests.Count(Passes);
            Console.WriteLine();
            Console.WriteLine($"{passed} passed, {tests.Length - passed} failed");
            return passed == tests.Length && passed > 0 ? 0 : 1;
        }

        private static string Title(MethodInfo test)
        {
            string behaviours = string.Join(" ", test.GetCustomAttribute<TestAttribute>()!.Behaviours);
            return $"{test.DeclaringType!.Name}: {test.Name.Replace('_', ' ')} {behaviours}".TrimEnd();
        }

        private static bool Passes(MethodInfo test)
        {
            var watch = Stopwatch.StartNew();
            Exception? failure = Failure(test);
            Console.WriteLine($"{(failure == null ? "ok    " : "FAILED")} {Title(test)} ({watch.ElapsedMilliseconds} ms)");
            if (failure != null)
            {
                Console.WriteLine(failure);
            }

            return failure == null;
        }

        /// <summary>
        /// Runs a test. A test that times out keeps its thread, which does not prevent the process from exiting.
        /// </summary>
        private static Exception? Failure(MethodInfo test)
        {
            var run = Task.Factory.StartNew(
                () => (test.Invoke(null, null) as Task ?? Task.CompletedTask).GetAwaiter().GetResult(),
                TaskCreationOptions.LongRunning);
            try
            {
                return run.Wait(TestTimeout) ? null : new TimeoutException($"not finished within {TestTimeout}");
            }
            catch (AggregateException failure)
            {
                Exception inner = failure.InnerException!;
                return inner is TargetInvocationException ? inner.InnerException : inner;
            }
        }
    }

    /// <summary>Assertions.</summary>
    internal static class Check
    {
        public static void That(bool holds, string what)
        {
            if (!holds)
            {
                throw new InvalidOperationException($"check failed: {what}");
            }
        }

        public static void Equal<T>(T expected, T found)
        {
            if (!EqualityComparer<T>.Default.Equals(expected, found))
            {
                throw new InvalidOperationException($"expected {expected}, found {found}");
            }
        }

        public static void Same(byte[] expected, byte[] found) =>
            That(expected.AsSpan().SequenceEqual(found), $"{found.Length} bytes are the {expected.Length} expected ones");

        public static T Throws<T>(Action action) where T : Exception
        {
            try
            {
                action();
            }
            catch (T thrown)
            {
                return thrown;
            }

            throw new InvalidOperationException($"no {typeof(T).Name} was thrown");
        }

        public static BitsException Fails(BitsStatus status, Action action)
        {
            BitsException thrown = Throws<BitsException>(action);
            That(thrown.Status == status, $"{thrown.StatusName} is {status}: {thrown.Message}");
            return thrown;
        }

        /// <summary>Waits until a condition holds that another thread brings about.</summary>
        public static void Eventually(Func<bool> condition, string what)
        {
            var watch = Stopwatch.StartNew();
            while (!condition())
            {
                That(watch.Elapsed < TimeSpan.FromSeconds(20), what);
                System.Threading.Thread.Yield();
            }
        }
    }
}
