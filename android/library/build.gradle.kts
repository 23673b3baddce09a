plugins {
    alias(libs.plugins.android.library)
    alias(libs.plugins.kotlin.compose)
    alias(libs.plugins.kotlin.serialization)
    `maven-publish`
}

group = "dev.mizu"
version = "0.1.0"

val repository: File = rootDir.parentFile
val kotlinApi = repository.resolve("bindings/kotlin/src/main/kotlin")
val generated = repository.resolve("target/bindings/kotlin")
// Files, no providers: Android's source sets refuse those. Every task of theirs waits for `preBuild`, see below.
val nativeLibraries: File = layout.buildDirectory.dir("jniLibs").get().asFile

android {
    namespace = "dev.mizu.sync.android"
    compileSdk = 36
    // It aligns libraries to pages of 16 KB.
    ndkVersion = "28.2.13676358"

    defaultConfig {
        minSdk = 24
        consumerProguardFiles("consumer-rules.pro")
    }

    sourceSets.named("main") {
        // The same sources as on a JVM, and the generated side of the boundary.
        kotlin.srcDir(kotlinApi)
        kotlin.srcDir(generated)
        jniLibs.srcDir(nativeLibraries)
    }

    // What new apps are compiled for: they inline some of it, and cannot inline newer code.
    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_11
        targetCompatibility = JavaVersion.VERSION_11
    }

    testOptions {
        // The library for this machine, which the bindings are generated from.
        unitTests.all { it.systemProperty("jna.library.path", repository.resolve("target/debug").path) }
    }

    publishing {
        singleVariant("release") { withSourcesJar() }
    }
}

// Warnings are errors in `android/check/`; here one of a newer Android would only be in the way.
kotlin { explicitApi() }

dependencies {
    api(libs.coroutines.android)
    api(libs.serialization.json)
    api(libs.work)
    implementation(libs.compose.runtime)
    implementation(libs.lifecycle.process)
    implementation(libs.startup)
    // Its AAR has JNA's own native half for Android.
    implementation(libs.jna) { artifact { type = "aar" } }

    // Its jar has the halves for computers.
    testImplementation(libs.jna)
    testImplementation(libs.coroutines.test)
    testImplementation(libs.junit)
    testImplementation(libs.robolectric)
    testImplementation(libs.test.core)
    testImplementation(libs.work.testing)
}

// What the native library is made of.
val core = listOf("Cargo.toml", "Cargo.lock", "src", "protocol", "bindings/native").map(repository::resolve)

// Generates the Kotlin side of the boundary, from a library for this machine.
val generateBindings by tasks.registering(Exec::class) {
    workingDir = repository
    commandLine("cargo", "xtask", "bindings")
    inputs.files(core)
    inputs.files(listOf("uniffi.toml", "bindings/uniffi-bindgen", "xtask").map(repository::resolve))
    outputs.dir(generated)
}

// Builds the native library for each ABI. Needs cargo-ndk, and the targets of Rust for Android.
val buildNative by tasks.registering(Exec::class) {
    workingDir = repository
    commandLine(
        listOf("cargo", "ndk", "--platform", "24") +
            listOf("arm64-v8a", "armeabi-v7a", "x86_64").flatMap { listOf("--target", it) } +
            listOf("--output-dir", nativeLibraries.path) +
            listOf("build", "--package", "mizu-sync-native", "--profile", "mobile"),
    )
    inputs.files(core)
    outputs.dir(nativeLibraries)
}

tasks.named("preBuild") { dependsOn(generateBindings, buildNative) }

publishing {
    publications {
        register<MavenPublication>("release") {
            artifactId = "mizu-sync-android"
            afterEvaluate { from(components["release"]) }
            pom {
                name = "Mizu Sync for Android"
                description = "Offline-first sync for apps"
                url = "https://github.com/go-mizu/mizu-sync"
                licenses {
                    license { name = "MIT" }
                    license { name = "Apache-2.0" }
                }
            }
        }
    }
}
