using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Reflection;
using System.Threading.Tasks;

namespace Bitsup.Tests
{
    /// <summary>A method that is a test; its name says the fact.</summary>
    [AttributeUsage(AttributeTargets.Method)]
    internal sealed class TestAttribute : Attribute
    {
        public TestAttribute(params string[] behaviours) => Behaviours = behaviours;

        /// <summary>The entries of bindings/behaviour.md that it shows.</summary>
        public IReadOnlyList<string> Behaviours { get; }
    }

    /// <summary>Runs the tests one after the other. There is no xunit where NuGet is out of reach.</summary>
    internal static class Runner
    {
        private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

        /// <summary>The last line is "N passed, M failed".</summary>
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

        /// <summary>A test that hangs keeps its thread; the process ends nevertheless, for that is in the background.</summary>
        private static Exception? Failure(MethodInfo test)
        {
            var run = Task.Factory.StartNew(
                () => (test.Invoke(null, null) as Task ?? Task.CompletedTask).GetAwaiter().GetResult(),
                TaskCreationOptions.LongRunning);
            try
            {
                return run.Wait(Patience) ? null : new TimeoutException($"not done within {Patience}");
            }
            catch (AggregateException failure)
            {
                Exception inner = failure.InnerException!;
                return inner is TargetInvocationException ? inner.InnerException : inner;
            }
        }
    }

    /// <summary>What a test demands.</summary>
    internal static class Check
    {
        public static void That(bool holds, string what)
        {
            if (!holds)
            {
                throw new InvalidOperationException($"does not hold: {what}");
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

        /// <summary>Waits for what another thread will bring about.</summary>
        public static void Comes(Func<bool> condition, string what)
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
